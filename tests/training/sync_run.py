"""Lets the client of Weights & Biases sync an offline run to a server of this script's own, which takes
everything; prints the rows of history that arrive, one JSON object a line."""

import gzip
import http.server
import json
import os
import subprocess
import sys
import threading

rows = {}


class Service(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def reply(self, answer):
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        if self.path == "/graphql":
            self.reply({"data": self.answer(json.loads(content))})
            return
        if self.path.endswith("/file_stream"):
            history = json.loads(content).get("files", {}).get("wandb-history.jsonl", {})
            for place, row in enumerate(history.get("content", [])):
                rows[history.get("offset", 0) + place] = row
        self.reply({})

    def answer(self, request):
        if "upsertBucket" in request["query"]:
            variables = request["variables"]
            project = {"id": "project", "name": variables["project"], "entity": {"id": "me", "name": "me"}}
            bucket = {"id": "run", "name": variables["name"], "displayName": variables["displayName"],
                      "description": "", "config": "{}", "sweepName": None, "historyLineCount": 0,
                      "project": project}
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        return {"viewer": {"id": "me", "entity": "me", "username": "me", "flags": "{}",
                           "teams": {"edges": []}},
                "serverInfo": {"cliVersionInfo": {"max_cli_version": "9.9.9"},
                               "latestLocalVersionInfo": None, "features": []},
                "QueryType": {"fields": []}, "MutationType": {"fields": []},
                "ServerInfoType": {"fields": []}, "model": {"bucket": None, "files": {"edges": []}},
                "createRunFiles": {"runID": "run", "uploadHeaders": [], "files": []}}


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = dict(os.environ, WANDB_BASE_URL=f"http://127.0.0.1:{server.server_port}",
                   WANDB_API_KEY="0" * 40)
client = os.path.join(os.path.dirname(sys.executable), "wandb")
synced = subprocess.run([client, "sync", sys.argv[1]], env=environment, capture_output=True, text=True)
print(synced.stdout + synced.stderr, file=sys.stderr)
for place in sorted(rows):
    print(rows[place])
sys.exit(synced.returncode)
