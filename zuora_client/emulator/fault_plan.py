"""Which requests fail, and how: rules by method, path, count and chance.

Invariant: a rule counts and draws for every request that matches it, whatever other rules do. So a plan with a seed
meets the same requests in every run in which they arrive in the same order.
"""

from __future__ import annotations

import fnmatch
import random
import threading

from .arguments import checked
from .faults import Fault
from .messages import Request


class _Rule:
    """When one fault happens."""

    def __init__(
        self,
        fault: Fault,
        method: str | None,
        path: str | None,
        first: int,
        times: int | None,
        probability: float,
        seed: int | None,
    ) -> None:
        self.fault = fault
        self._method = method.upper() if method else None
        self._path = path
        self._first = first
        self._left = times
        self._probability = probability
        self._random = random.Random(seed)
        self._seen = 0

    def wants(self, request: Request) -> bool:
        """Count the request if it matches; True if the fault is due and not used up."""
        if self._method is not None and self._method != request.method:
            return False
        if self._path is not None and not fnmatch.fnmatchcase(request.path, self._path):
            return False
        self._seen += 1
        drawn = self._random.random() < self._probability
        return self._seen >= self._first and drawn and self._left != 0

    def use(self) -> None:
        """Take one off the number of times."""
        if self._left is not None:
            self._left -= 1


class FaultPlan:
    """Which faults meet which requests: of the rules that are due, the one that was added first acts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def add(
        self,
        fault: Fault,
        *,
        method: str | None = None,
        path: str | None = None,
        nth: int | None = None,
        times: int | None = None,
        probability: float | None = None,
        seed: int | None = None,
    ) -> None:
        """Let ``fault`` meet requests from now on; with nothing else said, every one, the token endpoint too.

        Args:
            method: only requests with this method.
            path: only requests whose path, as sent and without the query, is this, or fits it as a shell pattern
                (``/v1/entity-connections/*/accept``).
            nth: only the nth request that matches, counted from 1; with ``times``, from the nth one on.
            times: at most so often. Without it there is no end, unless ``nth`` is given.
            probability: from 0 to 1, drawn for each request that matches.
            seed: makes the draws the same in every run.

        Raises:
            TypeError, ValueError: an argument with which the rule could never work.
        """
        if not isinstance(fault, Fault):
            raise TypeError(
                f"fault must be one that a function of `faults` made, such as faults.silence(); it is {fault!r}"
            )
        if method is not None and (not isinstance(method, str) or not method.isalpha()):
            raise ValueError(f"method must be an HTTP method such as 'PUT'; it is {method!r}")
        if path is not None and (not isinstance(path, str) or path[:1] not in ("/", "*")):
            raise ValueError(f"path must begin with '/' or '*'; it is {path!r}")
        if nth is not None:
            checked("nth", nth, least=1, whole=True)
        if times is not None:
            checked("times", times, whole=True)
        if probability is not None and checked("probability", probability) > 1:
            raise ValueError("probability must be from 0 to 1")
        if nth is not None and times is None:
            times = 1
        rule = _Rule(fault, method, path, nth or 1, times, 1.0 if probability is None else probability, seed)
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> None:
        """Forget all rules. An exchange that a fault has met already is not changed by this."""
        with self._lock:
            self._rules.clear()

    def choose(self, request: Request) -> Fault | None:
        """The fault for this request, whose name is noted in it; None for a plain answer."""
        with self._lock:
            due = [rule for rule in self._rules if rule.wants(request)]
            if not due:
                return None
            due[0].use()
            request.fault = due[0].fault.name
            return due[0].fault
