"""Which requests a fault applies to."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support.emulator_clients import Connect

from zuora_client.emulator import FaultPlan, Headers, Request, ZuoraEmulator, faults

A, B = faults.answer(500), faults.html_error()
LIST = "/v1/entity-connections"


def choose(plan: FaultPlan, method: str = "GET", path: str = LIST) -> str | None:
    request = Request(method, path, Headers([]))
    fault = plan.choose(request)
    assert request.fault == (fault.name if fault else None)
    return request.fault


def test_no_rules_no_faults() -> None:
    assert choose(FaultPlan()) is None


def test_unconditional_rule_matches_until_cleared() -> None:
    plan = FaultPlan()
    plan.add(A)
    assert [choose(plan), choose(plan, "POST", "/oauth/token"), choose(plan, "PUT", "/x")] == ["answer"] * 3
    plan.clear()
    assert choose(plan) is None


def test_method_and_path_restrict_a_rule() -> None:
    plan = FaultPlan()
    plan.add(A, method="put", path="/v1/entity-connections/*/accept")
    assert choose(plan, "PUT", "/v1/entity-connections/a%2Fb/accept?x=1") == "answer"
    assert choose(plan, "GET", "/v1/entity-connections/1/accept") is None
    assert choose(plan, "PUT", "/v1/entity-connections/1/deny") is None
    plan.clear()
    plan.add(A, path=LIST)
    assert [choose(plan, "GET", path) for path in (LIST, f"{LIST}?page=2", f"{LIST}/1/accept")] == [
        "answer",
        "answer",
        None,
    ]


def test_times_is_an_upper_limit() -> None:
    plan = FaultPlan()
    plan.add(A, times=2)
    assert [choose(plan) for _ in range(4)] == ["answer", "answer", None, None]
    plan.add(A, times=0)
    assert choose(plan) is None


def test_nth_counts_matching_requests() -> None:
    plan = FaultPlan()
    plan.add(A, nth=2, method="POST")
    assert [choose(plan, method) for method in ("POST", "GET", "GET", "POST", "POST")] == [
        None,
        None,
        None,
        "answer",
        None,
    ]


def test_nth_with_times() -> None:
    """With `times`, the fault applies from the nth matching request on."""
    plan = FaultPlan()
    plan.add(A, nth=2, times=2)
    assert [choose(plan) for _ in range(5)] == [None, "answer", "answer", None, None]


def test_first_due_rule_applies() -> None:
    """Of several rules that are due the first applies; the others keep their `times`."""
    plan = FaultPlan()
    plan.add(A, times=1)
    plan.add(B, times=1)
    assert [choose(plan) for _ in range(3)] == ["answer", "html_error", None]


def test_every_rule_counts_matches() -> None:
    """A rule counts a matching request also when another rule applies."""
    plan = FaultPlan()
    plan.add(A, times=1)
    plan.add(B, nth=2)
    assert [choose(plan) for _ in range(3)] == ["answer", "html_error", None]


def draws(seed: int | None, other: bool = False) -> list[bool]:
    plan = FaultPlan()
    if other:
        plan.add(B, nth=3, times=5)
    plan.add(A, probability=0.3, seed=seed)
    return [choose(plan) == "answer" for _ in range(1000)]


def test_seeded_probability_is_reproducible() -> None:
    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
    assert 200 < sum(draws(1)) < 400
    assert draws(1, other=True)[7:] == draws(1)[7:], "another rule does not shift the draws"


def test_unseeded_probability_differs() -> None:
    assert draws(None) != draws(None)


@pytest.mark.parametrize(("probability", "hits"), [(0, 0), (1, 100)])
def test_probability_zero_and_one(probability: float, hits: int) -> None:
    plan = FaultPlan()
    plan.add(A, probability=probability)
    assert sum(choose(plan) is not None for _ in range(100)) == hits


@pytest.mark.parametrize(
    "wrong",
    [
        {"nth": 0},
        {"nth": 1.5},
        {"times": -1},
        {"times": "2"},
        {"probability": -0.1},
        {"probability": 1.1},
        {"probability": "1"},
        {"method": 5},
        {"method": "P UT"},
        {"path": 5},
        {"path": "v1/*"},
        {"fault": None},
        {"fault": "silence"},
        {"fault": faults.silence},
    ],
)
def test_invalid_rule_is_refused(wrong: dict[str, Any]) -> None:
    """The error for an invalid argument names it."""
    plan = FaultPlan()
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        plan.add(**{"fault": A, **wrong})
    assert choose(plan) is None


def test_times_is_thread_safe() -> None:
    plan = FaultPlan()
    plan.add(A, times=100)
    hits: list[str] = []

    def work() -> None:
        hits.extend(name for name in (choose(plan) for _ in range(100)) if name)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hits) == 100


def test_fail_next_excludes_token_endpoint(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.fail_next(A, times=2)
    http = connect()
    assert http.token({}).status == 400
    assert [http.get("/v1/entities").status for _ in range(3)] == [500, 500, 200]


def test_fail_next_with_method_and_path(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.fail_next(A, method="PUT", path="/v1/entity-connections/*/deny")
    http = connect(zuora.entities[0])
    assert http.get().status == 200
    assert http.change("accept", "x").status == 404
    assert http.change("deny", "x").status == 500
