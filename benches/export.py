"""The parts of export.sh that a shell is too small for; standard library only."""

import json
import os
import random
import socketserver
import subprocess
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler

NAME = "bench_export"


def call(server, method, path, body=None, wait=False):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server + path, data, {"Content-Type": "application/json"}, method=method)
    for _ in range(300 if wait else 1):
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)["result"]
        except (urllib.error.URLError, KeyError):
            if not wait:
                raise
            time.sleep(0.1)
    raise SystemExit("the server does not answer")


def fill(server, points, dim):
    call(server, "GET", "/collections", wait=True)
    call(server, "DELETE", f"/collections/{NAME}")
    config = {"vectors": {"size": dim, "distance": "Cosine"}, "optimizers_config": {"indexing_threshold": 0}}
    call(server, "PUT", f"/collections/{NAME}", config)
    numbers = random.Random(7)
    for first in range(0, points, 500):
        batch = [
            {
                "id": n,
                "vector": [numbers.uniform(-1, 1) for _ in range(dim)],
                "payload": {"n": n, "title": f"point number {n}", "tags": ["a", "b"]},
            }
            for n in range(first, min(first + 500, points))
        ]
        call(server, "PUT", f"/collections/{NAME}/points?wait=true", {"points": batch})


def by_hand(server, path):
    """A scroll loop into one file, as people write it."""
    points, offset = [], None
    while True:
        page = {"limit": 1000, "with_payload": True, "with_vector": True, "offset": offset}
        found = call(server, "POST", f"/collections/{NAME}/points/scroll", page)
        points += found["points"]
        offset = found["next_page_offset"]
        if offset is None:
            break
    info = call(server, "GET", f"/collections/{NAME}")
    with open(path, "w") as out:
        json.dump({"collections": [{"name": NAME, "config": info["config"], "points": points}]}, out)


def engine(server, path):
    """As much of a Docker Engine as tells where one container publishes its port."""
    port = int(server.rsplit(":", 1)[1])
    labels = {"com.docker.compose.project": "bench", "com.docker.compose.service": "qdrant",
              "com.docker.compose.container-number": "1", "com.docker.compose.oneoff": "False"}
    bound = [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
    listed = {"Id": "c1", "Names": ["/bench-qdrant-1"], "Image": "qdrant/qdrant:v1.19.0", "ImageID": "sha256:0",
              "Labels": labels, "State": "running", "Status": "Up", "Mounts": [], "Created": 0,
              "HostConfig": {"NetworkMode": "bridge"}, "NetworkSettings": {"Networks": {}},
              "Ports": [{"IP": "127.0.0.1", "PrivatePort": 6333, "PublicPort": port, "Type": "tcp"}]}
    inspected = {"Id": "c1", "Name": "/bench-qdrant-1", "Image": "sha256:0", "Created": "2026-01-01T00:00:00Z",
                 "State": {"Status": "running", "Running": True, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z",
                           "FinishedAt": "0001-01-01T00:00:00Z"},
                 "Config": {"Image": "qdrant/qdrant:v1.19.0", "Env": [], "Labels": labels, "User": ""},
                 "HostConfig": {"NetworkMode": "bridge"}, "Mounts": [],
                 "NetworkSettings": {"Ports": {"6333/tcp": bound}, "Networks": {}}}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def address_string(self):
            return "unix"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = self.path.split("?")[0]
            if path.endswith("/containers/json"):
                body = [listed]
            elif path.endswith("/containers/c1/json"):
                body = inspected
            elif path.endswith("/volumes"):
                body = {"Volumes": [], "Warnings": []}
            elif path.endswith("/info"):
                body = {"ID": "bench", "Name": "bench", "OperatingSystem": "Linux", "OSType": "linux"}
            elif path.endswith("/version"):
                body = {"Version": "28.0.0", "ApiVersion": "1.47", "MinAPIVersion": "1.24"}
            else:
                body = "OK"
            text = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Api-Version", "1.47")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

    socketserver.ThreadingUnixStreamServer(path, Handler).serve_forever()


def timed(command, **options):
    """Seconds, MiB at the peak, and output of a program. Started by a small process: what starts it counts at first."""
    begun = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, **options)
    output = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"`{command[0]}` failed")
    return time.monotonic() - begun, used.ru_maxrss / 1024, output


def run(server, work, ours, limits):
    theirs, their_peak, _ = timed([sys.executable, __file__, "hand", server, f"{work}/by_hand.json"])
    env = dict(os.environ, SAFE_COMPOSE_COMPOSE=f"{work}/docker-compose", DOCKER_HOST=f"unix://{work}/engine.sock")
    words = [ours, "backup", "--format", "json", "--json"]
    own, peak, output = timed(words, cwd=f"{work}/project", env=env)
    made = json.loads(output)[0]
    print(f"scroll by hand  {theirs:8.1f} s  {os.path.getsize(work + '/by_hand.json') / 1e6:8.0f} MB  {their_peak:.0f} MiB of memory")
    print(f"safe-compose    {own:8.1f} s  {made['bytes'] / 1e6:8.0f} MB  {made['points']} points, read back")
    print(f"ratio           {theirs / own:8.1f}    peak memory {peak:.0f} MiB")
    call(server, "DELETE", f"/collections/{NAME}")
    if limits and (theirs / own < 5 or peak >= 128):
        raise SystemExit("outside of the limits: 5 times as fast, under 128 MiB")


if __name__ == "__main__":
    word, *rest = sys.argv[1:]
    if word == "fill":
        fill(rest[0], int(rest[1]), int(rest[2]))
    elif word == "hand":
        by_hand(*rest)
    elif word == "engine":
        engine(*rest)
    else:
        run(*rest)
