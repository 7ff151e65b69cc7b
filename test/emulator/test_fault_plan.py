"""Which requests a fault meets."""

from __future__ import annotations

import threading

import pytest

from zuora_client.emulator import FaultPlan, Headers, Request, faults

A, B = faults.answer(500), faults.html_error()
LIST = "/v1/entity-connections"


def ask(plan: FaultPlan, method: str = "GET", path: str = LIST) -> str | None:
    request = Request(method, path, Headers([]))
    fault = plan.choose(request)
    assert request.fault == (fault.name if fault else None)
    return request.fault


def test_without_rules_nothing_fails() -> None:
    assert ask(FaultPlan()) is None


def test_a_bare_rule_meets_everything_until_it_is_cleared() -> None:
    plan = FaultPlan()
    plan.add(A)
    assert [ask(plan), ask(plan, "POST", "/oauth/token"), ask(plan, "PUT", "/x")] == ["answer"] * 3
    plan.clear()
    assert ask(plan) is None


def test_method_and_path_narrow_a_rule() -> None:
    plan = FaultPlan()
    plan.add(A, method="put", path="/v1/entity-connections/*/accept")
    assert ask(plan, "PUT", "/v1/entity-connections/a%2Fb/accept?x=1") == "answer"
    assert ask(plan, "GET", "/v1/entity-connections/1/accept") is None
    assert ask(plan, "PUT", "/v1/entity-connections/1/deny") is None
    plan.clear()
    plan.add(A, path=LIST)
    assert [ask(plan, "GET", path) for path in (LIST, f"{LIST}?page=2", f"{LIST}/1/accept")] == [
        "answer",
        "answer",
        None,
    ]


def test_times_is_an_upper_limit() -> None:
    plan = FaultPlan()
    plan.add(A, times=2)
    assert [ask(plan) for _ in range(4)] == ["answer", "answer", None, None]
    plan.add(A, times=0)
    assert ask(plan) is None


def test_nth_counts_what_matches_from_one() -> None:
    plan = FaultPlan()
    plan.add(A, nth=2, method="POST")
    assert [ask(plan, method) for method in ("POST", "GET", "GET", "POST", "POST")] == [
        None,
        None,
        None,
        "answer",
        None,
    ]


def test_nth_with_times_goes_on_from_there() -> None:
    plan = FaultPlan()
    plan.add(A, nth=2, times=2)
    assert [ask(plan) for _ in range(5)] == [None, "answer", "answer", None, None]


def test_the_first_rule_that_is_due_acts_and_the_others_keep_theirs() -> None:
    plan = FaultPlan()
    plan.add(A, times=1)
    plan.add(B, times=1)
    assert [ask(plan) for _ in range(3)] == ["answer", "html_error", None]


def test_every_rule_counts_every_request_whoever_acts() -> None:
    plan = FaultPlan()
    plan.add(A, times=1)
    plan.add(B, nth=2)
    assert [ask(plan) for _ in range(3)] == ["answer", "html_error", None]


def draws(seed: int | None, other: bool = False) -> list[bool]:
    plan = FaultPlan()
    if other:
        plan.add(B, nth=3, times=5)
    plan.add(A, probability=0.3, seed=seed)
    return [ask(plan) == "answer" for _ in range(1000)]


def test_chance_with_a_seed_is_the_same_in_every_run() -> None:
    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
    assert 200 < sum(draws(1)) < 400
    assert draws(1, other=True)[7:] == draws(1)[7:], "another rule does not shift the draws"


def test_chance_without_a_seed_differs() -> None:
    assert draws(None) != draws(None)


@pytest.mark.parametrize(("probability", "hits"), [(0, 0), (1, 100)])
def test_the_ends_of_chance(probability: float, hits: int) -> None:
    plan = FaultPlan()
    plan.add(A, probability=probability)
    assert sum(ask(plan) is not None for _ in range(100)) == hits


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
def test_a_rule_that_could_never_work_is_refused_by_name(wrong) -> None:
    plan = FaultPlan()
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        plan.add(**{"fault": A, **wrong})
    assert ask(plan) is None


def test_times_holds_among_threads() -> None:
    plan = FaultPlan()
    plan.add(A, times=100)
    hits: list[str] = []

    def work() -> None:
        hits.extend(name for name in (ask(plan) for _ in range(100)) if name)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hits) == 100


def test_fail_next_meets_the_next_call_of_the_api_but_not_the_token_endpoint(zuora, connect) -> None:
    zuora.fail_next(A, times=2)
    http = connect()
    assert http.token({}).status == 400
    assert [http.get("/v1/entities").status for _ in range(3)] == [500, 500, 200]


def test_fail_next_can_be_narrowed(zuora, connect) -> None:
    zuora.fail_next(A, method="PUT", path="/v1/entity-connections/*/deny")
    http = connect(zuora.entities[0])
    assert http.get().status == 200
    assert http.change("accept", "x").status == 404
    assert http.change("deny", "x").status == 500
