"""TEXT FOLDER: words counted, sorted, and written as numbers, the way a plain loop in Python does it."""
import array
import sys

text, folder = sys.argv[1:]
counts = {}
get = counts.get
with open(text, encoding="utf-8") as lines:
    for line in lines:
        for word in line.split():
            counts[word] = get(word, 0) + 1
words = sorted(counts, key=lambda word: (-counts[word], word))
with open(f"{folder}/dict.txt", "w", encoding="utf-8") as file:
    for word in words:
        file.write(f"{word} {counts[word]}\n")
ids = {word: number for number, word in enumerate(words, 4)}
code = "H" if len(ids) + 4 < 65500 else "I"
sizes = array.array("i")
with open(text, encoding="utf-8") as lines, open(f"{folder}/train.bin", "wb") as binary:
    for line in lines:
        sentence = [ids[word] for word in line.split()]
        sentence.append(2)
        sizes.append(len(sentence))
        array.array(code, sentence).tofile(binary)
with open(f"{folder}/train.sizes", "wb") as file:
    sizes.tofile(file)
