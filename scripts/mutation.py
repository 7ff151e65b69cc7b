"""Run cosmic-ray over the modules that decide about writes and credentials. Started by scripts/mutation.

A mutant is a module with one small change. It is killed if one of the module's tests fails, and survives otherwise. All
mutants are made in a copy of the checkout, build/mutation/checkout. What cosmic-ray recorded stays beside it, for
cr-report and cr-html.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from cosmic_ray.config import serialize_config
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkerOutcome, WorkResult

FOLDER = Path("build/mutation").resolve()
CHECKOUT = FOLDER / "checkout"

RETRY = "call/test_error_table call/test_retry call/test_call call/test_auth http/test_proxy_refusals"
RESPONSES = "call/test_response_errors call/test_response_cases call/test_error_table"
SUCCESS = f"{RESPONSES} property/test_success_rule"
TOKENS = "call/test_auth call/test_shared_tokens call/test_events"
STORE = "call/test_shared_tokens call/test_token_store"
READER = "http/test_grammar http/test_http1 http/test_bounds http/test_keep_alive http/test_tls_alerts"
SEAMS = "http/test_seams http/test_pool http/test_keep_alive http/test_abort"
ENSURE = "reconcile/test_ensure_connected reconcile/test_ensure_disconnected reconcile/test_listing"
PLAN = "reconcile/test_plan reconcile/test_plan_output reconcile/test_names reconcile/test_races"
APPLY = f"{PLAN} reconcile/test_apply"

# Each mutant runs the tests of its module, so these are the fast ones that are about it.
TESTS = {
    "_base/reasons.py": SUCCESS,
    "_call/retry.py": RETRY,
    "_call/retry_table.py": RETRY,
    "_call/success.py": SUCCESS,
    "_call/envelopes.py": SUCCESS,
    "_call/response_errors.py": f"{SUCCESS} client/test_exceptions call/test_retry",
    "_call/interpret.py": f"{SUCCESS} call/test_unreadable_bodies call/test_deadline_of_parsing",
    "_call/auth.py": TOKENS,
    "_call/access_token.py": TOKENS,
    "_call/shared_tokens.py": STORE,
    "_call/sealed_records.py": STORE,
    "_http/hooks.py": SEAMS,
    "_http/http1.py": READER,
    "_http/pool.py": f"{SEAMS} http/test_tls client/test_lifecycle client/test_fork",
    "token_store.py": "call/test_token_store call/test_redis_store",
    "reconcile/apply.py": APPLY,
    "reconcile/ensure.py": ENSURE,
    "reconcile/entities.py": f"{PLAN} {ENSURE}",
    "reconcile/listing.py": f"{ENSURE} {PLAN}",
    "reconcile/pairs.py": f"{ENSURE} {PLAN}",
    "reconcile/plan.py": APPLY,
    "reconcile/planned_connection.py": APPLY,
    "reconcile/reconciler.py": f"{ENSURE} {APPLY}",
    "reconcile/steps.py": f"{ENSURE} {PLAN}",
    "reconcile/workers.py": f"{APPLY} reconcile/test_apply_interrupted",
}

# Of the operators that replace each other, one or two for each: more would say the same. `|` stands mostly in
# annotations, which are not evaluated.
_BINARY = "Add_Sub|Sub_Add|Mul_Add|Div_Mul|FloorDiv_Mul|Mod_Add|Pow_Mul"
_COMPARISON = (
    "Eq_NotEq|Eq_LtE|Eq_GtE|NotEq_Eq|Lt_LtE|Lt_GtE|LtE_Lt|LtE_Gt|Gt_GtE|Gt_LtE|GtE_Gt|GtE_Lt|Is_IsNot|IsNot_Is"
)
_SKIPPED = [
    f"core/ReplaceBinaryOperator_(?!({_BINARY})$)",
    f"core/ReplaceComparisonOperator_(?!({_COMPARISON})$)",
    "core/ReplaceUnaryOperator_(?!(USub_UAdd|Delete_Not)$)",
    "core/RemoveDecorator",
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/mutation", description="Print the mutants that no test detects.")
    parser.add_argument("--sample", type=int, metavar="N", help="try N mutants of each module, chosen at random")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"all by default: {' '.join(TESTS)}")
    arguments = parser.parse_args()
    modules = [module.removeprefix("zuora_client/") for module in arguments.modules] or list(TESTS)
    if unknown := set(modules) - set(TESTS):
        parser.error(f"not among the TESTS of scripts/mutation.py: {', '.join(sorted(unknown))}")
    shutil.rmtree(CHECKOUT, ignore_errors=True)
    for folder in ("zuora_client", "test"):
        shutil.copytree(folder, CHECKOUT / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("pyproject.toml", CHECKOUT)
    for module in modules:
        report(module, try_mutants(module, arguments.sample))


def try_mutants(module: str, sample: int | None) -> Path:
    """Run the tests of one module against each of its mutants; return the path of cosmic-ray's record."""
    # No plugins but pytest-timeout: they would double the time that a mutant takes.
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    tests = [f"test/{name}.py" for name in TESTS[module].split()]
    pytest = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "pytest_timeout", "--timeout=30", *tests]
    # Unchanged, the module passes. Compiles the tests too, for cosmic-ray lets Python write no compiled modules.
    subprocess.run([*pytest, "--no-summary"], cwd=CHECKOUT, env=environment, check=True)
    config, record = (FOLDER / (module.replace("/", ".") + suffix) for suffix in (".toml", ".sqlite"))
    settings = {
        "module-path": f"zuora_client/{module}",
        "timeout": 120.0,
        "excluded-modules": [],
        "test-command": shlex.join(pytest),
        "distributor": {"name": "local"},
        "filters": {"operators-filter": {"exclude-operators": _SKIPPED}},
    }
    config.write_text(serialize_config(settings))
    record.unlink(missing_ok=True)

    def run(program: str, *arguments: Path | str) -> None:
        command = [Path(sys.executable).with_name(program), *arguments]
        subprocess.run(command, cwd=CHECKOUT, env=environment, check=True)

    run("cosmic-ray", "init", config, record)
    run("cr-filter-operators", record, config)
    if sample is not None:
        with use_db(record, WorkDB.Mode.open) as database:
            jobs = [item.job_id for item in database.pending_work_items]
            random.shuffle(jobs)
            database.set_multiple_results(jobs[sample:], WorkResult(worker_outcome=WorkerOutcome.SKIPPED))
    run("cosmic-ray", "exec", config, record)
    return record


def report(module: str, record: Path) -> None:
    """Print the surviving mutants of a module, and the numbers."""
    with use_db(record, WorkDB.Mode.open) as database:
        results = database.completed_work_items
    tried = [(item, result) for item, result in results if result.worker_outcome is WorkerOutcome.NORMAL]
    survivors = [(item.mutations[0], result.diff) for item, result in tried if not result.is_killed]
    for mutation, diff in sorted(survivors, key=lambda survivor: survivor[0].start_pos):
        changed = re.findall(r"^[-+](?![-+]{2}).*", diff, re.MULTILINE)
        print(f"zuora_client/{module}:{mutation.start_pos[0]} {mutation.operator_name}", *changed, sep="\n")
    print(
        f"{module}: {len(tried)} mutants, {len(tried) - len(survivors)} killed, {len(survivors)} survived", flush=True
    )


if __name__ == "__main__":
    main()
