#!/usr/bin/env python3
"""Writes unicode_classes.h: the ranges of letters and numbers of one version of Unicode.

    pip install unicodedata2==16.0.0 && ./make_unicode_classes.py > unicode_classes.h

The version is the one that tiktoken's engine (Rust's regex crate) knows.
"""
import unicodedata2 as unicode


def ranges(category):
    begin = None
    for code in range(0x110001):
        inside = code < 0x110000 and unicode.category(chr(code))[0] == category
        if inside and begin is None:
            begin = code
        elif not inside and begin is not None:
            yield begin, code - 1
            begin = None


def table(name, category):
    cells = ["{0x%x, 0x%x}" % pair for pair in ranges(category)]
    lines, line = [], "   "
    for cell in cells:
        if len(line) + len(cell) + 2 > 110:
            lines.append(line)
            line = "   "
        line += " " + cell + ","
    return "inline constexpr CodeRange %s[]{\n%s\n};\n" % (name, "\n".join(lines + [line]))


print(f"""// clang-format off
#pragma once
/// Unicode {unicode.unidata_version}: code points of the categories L and N, first and last of each range; made by
/// make_unicode_classes.py.

namespace nopos::gpt2 {{

struct CodeRange {{
  char32_t first, last;
}};

{table("letters", "L")}
{table("numbers", "N")}
}}  // namespace nopos::gpt2""")
