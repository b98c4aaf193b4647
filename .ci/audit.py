"""Fail if an installed package has a published vulnerability; where nobody can be asked, say so and go on.

pip-audit ends with the same status for "vulnerable" and for "could not ask", so its report decides.
"""

import json
import subprocess
import sys
from typing import Any

# Ourselves aside (a stranger may own our name on PyPI), and without hanging on a machine that is offline.
COMMAND = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format=json", "--progress-spinner=off"]
SOURCES = ("pypi", "osv")
TIMEOUT_SECONDS = 120


def ask(source: str) -> tuple[list[dict[str, Any]], str]:
    """The packages that the source knows, with their vulnerabilities; else why it could not be asked."""
    try:
        run = subprocess.run(
            [*COMMAND, "--timeout=10", f"--vulnerability-service={source}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
        packages = json.loads(run.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return [], f"no answer in {TIMEOUT_SECONDS} s"
    except ValueError:
        # The last line names the failure, and goes on for long about it.
        return [], (run.stderr.strip().splitlines() or ["no report"])[-1].partition("(")[0].strip()
    return [package for package in packages if "vulns" in package], "it knows none of the packages"


def main() -> int:
    """The exit status: 1 for a vulnerability, 0 otherwise."""
    reasons = []
    for source in SOURCES:
        known, why = ask(source)
        if known:
            break
        reasons.append(f"{source}: {why}")
    else:
        sys.stdout.write(f"pip-audit: skipped, nobody can be asked here ({'; '.join(reasons)})\n")
        return 0
    vulnerable = [package for package in known if package["vulns"]]
    for package in vulnerable:
        for vulnerability in package["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            name = f"{package['name']} {package['version']}"
            sys.stdout.write(f"pip-audit: {name} has {vulnerability['id']}, fixed in {fixed}\n")
    if not vulnerable:
        sys.stdout.write(f"pip-audit: no known vulnerability in {len(known)} packages\n")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
