"""Trials one after another, each done when `start` returns. For tests and for debugging."""

import subprocess

from techspec.run.pool import Gone, Job


class InlinePool:
    """One slot; nothing is ever left running."""

    slots = 1

    def __init__(self) -> None:
        self._done: list[Gone] = []

    def start(self, job: Job) -> None:
        """Run the job to its end."""
        with job.output.open("ab") as output, job.log.open("ab") as log:
            done = subprocess.run(
                job.command,
                cwd=job.place,
                env=dict(job.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                check=False,
            )
        self._done.append(Gone(job.request, done.returncode))

    def adopt(self, job: Job) -> bool:
        """Never: what ran inline died with its runner."""
        return False

    def gone(self, wait_seconds: float) -> list[Gone]:
        """Those that `start` ran since the last call."""
        done, self._done = self._done, []
        return done

    def end(self, request: str, now: bool) -> None:
        """Nothing to do: it has ended."""
