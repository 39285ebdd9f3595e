"""What the stock engine does differently from AWS and our runbooks would notice, one fix per module.

Each module says which AWS behaviour it restores and where AWS documents it, and has one function, apply(). The tests of
the engine package show for each fix that it works and that the stock engine still needs it.
"""
import importlib

NAMES = (
    "nagle",
    "start_delay",
    "missing_path",
    "uncatchable",
    "machine_timeout",
    "data_limit",
    "idempotent_start",
    "states_metrics",
    "alarms",
    "bucket_config",
    "table_config",
    "multipart_lock",
    "secure_transport",
    "route53_change",
    "cloudwatch_permissions",
    "invoke_permission",
)


def apply(without=""):
    """Apply every fix not named in without, a list separated by commas; "all" leaves the engine as it comes."""
    left_out = set(NAMES) if without == "all" else set(filter(None, without.split(",")))
    if unknown := left_out - set(NAMES):
        raise SystemExit(f"no such fix: {', '.join(sorted(unknown))}")
    for name in NAMES:
        if name not in left_out:
            importlib.import_module(f"fixes.{name}").apply()
