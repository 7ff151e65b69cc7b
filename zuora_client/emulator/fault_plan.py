"""Rules that decide which requests fail: by method, path, count and probability."""

from __future__ import annotations

import fnmatch
import random
import threading
from collections.abc import Iterator

from .arguments import validate_number
from .exchange import Fault
from .messages import Request


class _Rule:
    """A fault and its conditions."""

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
        self.remaining = times
        self._probability = probability
        self._random = random.Random(seed)
        self._matched = 0

    def is_due(self, request: Request) -> bool:
        """Count the request and draw if it matches; return whether the fault applies to it."""
        if self._method is not None and self._method != request.method:
            return False
        if self._path is not None and not fnmatch.fnmatchcase(request.path, self._path):
            return False
        self._matched += 1
        drawn = self._random.random() < self._probability
        return self._matched >= self._first and drawn and self.remaining != 0


class FaultPlan:
    """The rules of an emulator. Thread-safe.

    If several rules are due for a request, the one that was added first applies; the next one applies if the fault of
    the first lets the request pass. Every rule counts and draws for every request that matches it, also when another
    rule applies. With a seed, a plan therefore picks the same requests in every run in which they arrive in the same
    order.
    """

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
        """Apply `fault` to the requests that match; by default to every one, including those to the token endpoint.

        Args:
            method: only requests with this method.
            path: only requests with this path (as sent, without the query), or whose path matches this shell pattern,
                such as `/v1/entity-connections/*/accept`.
            nth: only the nth matching request, counted from 1; with `times`, from the nth one on.
            times: at most this many requests. Unlimited by default; 1 if only `nth` is given.
            probability: from 0 to 1, drawn for each matching request.
            seed: makes the draws the same in every run.

        Raises:
            TypeError, ValueError: an argument is invalid.
        """
        if not isinstance(fault, Fault):
            raise TypeError(f"fault must be a Fault, such as faults.silence(), not {fault!r}")
        if method is not None and (not isinstance(method, str) or not method.isalpha()):
            raise ValueError(f"method must be an HTTP method such as 'PUT', not {method!r}")
        if path is not None and (not isinstance(path, str) or path[:1] not in ("/", "*")):
            raise ValueError(f"path must begin with '/' or '*', not {path!r}")
        if nth is not None:
            validate_number("nth", nth, minimum=1, integer=True)
        if times is not None:
            validate_number("times", times, integer=True)
        if probability is not None and validate_number("probability", probability) > 1:
            raise ValueError(f"probability must be at most 1, not {probability}")
        if nth is not None and times is None:
            times = 1
        rule = _Rule(fault, method, path, nth or 1, times, 1.0 if probability is None else probability, seed)
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> None:
        """Remove all rules. A fault that was chosen for a request before is still applied to it."""
        with self._lock:
            self._rules.clear()

    def choose(self, request: Request) -> Fault | None:
        """Return the fault for this request and set `request.fault` to its name; None if no rule is due."""
        fault = next(self.due(request), None)
        if fault is not None:
            request.fault = fault.name
        return fault

    def due(self, request: Request) -> Iterator[Fault]:
        """Yield the faults that are due for this request; only those that the caller takes count for `times`."""
        with self._lock:
            due = [rule for rule in self._rules if rule.is_due(request)]
        for rule in due:
            if self._use(rule):
                yield rule.fault

    def _use(self, rule: _Rule) -> bool:
        """Count down the `times` of a rule; return False if other requests have used them up."""
        with self._lock:
            if rule.remaining is None:
                return True
            if rule.remaining == 0:
                return False
            rule.remaining -= 1
            if rule.remaining == 0 and rule in self._rules:  # clear() may have removed it
                self._rules.remove(rule)
            return True
