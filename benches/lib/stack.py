"""A project on the real engine for measurements; standard library only."""

import os
import shutil
import subprocess
import tempfile

DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
ENTRYPOINT ["/bin/busybox"]
CMD ["sleep", "1000000"]
"""


class Stack:
    """A temporary project directory; the project, its volumes and the directory are removed at the end."""

    def __init__(self, ours, real, name):
        self.ours, self.real = os.path.realpath(ours), os.path.realpath(real)
        self.name = f"safe-compose-{name}-{os.getpid()}"
        self.directory = tempfile.mkdtemp(prefix=f"{self.name}-")
        self.environment = {
            **os.environ,
            "SAFE_COMPOSE_COMPOSE": self.real,
            "XDG_STATE_HOME": os.path.join(self.directory, ".state"),
            "XDG_CACHE_HOME": os.path.join(self.directory, ".cache"),
        }
        self.environment.pop("SAFE_COMPOSE_DISPOSABLE", None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if os.path.exists(self.path("compose.yaml")):
            subprocess.run([self.real, "down", "-v", "-t", "0", "--remove-orphans"], **self.quietly)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def quietly(self):
        return {
            "cwd": self.directory,
            "env": self.environment,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }

    def path(self, *below):
        return os.path.join(self.directory, *below)

    def write(self, text):
        with open(self.path("compose.yaml"), "w") as file:
            file.write(f"name: {self.name}\n{text}")

    def compose(self, *words):
        """Runs the real Compose."""
        subprocess.run([self.real, *words], check=True, **self.quietly)

    def safe(self, *words, accepted=(0,)):
        """Runs safe-compose, without measuring it."""
        status = subprocess.run([self.ours, *words], **self.quietly).returncode
        if status not in accepted:
            raise SystemExit(f"safe-compose {' '.join(words)} failed with {status}")


class Image:
    """An image of busybox alone, so that nothing is pulled."""

    def __init__(self):
        self.name = f"safe-compose-scale-{os.getpid()}:bench"

    def __enter__(self):
        busybox = os.environ.get("BUSYBOX") or shutil.which("busybox")
        if not busybox:
            raise SystemExit("busybox is missing (package busybox-static), or name it in BUSYBOX")
        with tempfile.TemporaryDirectory() as directory:
            shutil.copy(busybox, os.path.join(directory, "busybox"))
            with open(os.path.join(directory, "Dockerfile"), "w") as file:
                file.write(DOCKERFILE)
            subprocess.run(
                ["docker", "build", "-q", "-t", self.name, directory],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        return self.name

    def __exit__(self, *_):
        subprocess.run(
            ["docker", "image", "rm", "-f", self.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
