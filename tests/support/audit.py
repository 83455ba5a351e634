"""``make audit``: known weaknesses of what is installed. It asks a service on the network, and says so when it cannot.

Ends with 0 (none known), 1 (some are) or 3 (nothing was checked).
"""

import json
import subprocess
import sys
from typing import Any

CLEAN, FOUND, UNCHECKED = 0, 1, 3


def main() -> int:
    """Asks pip-audit, and says what came of it."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--skip-editable"]
    done = subprocess.run([*command, "--timeout", "15", *sys.argv[1:]], capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        print(f"Nothing was checked: the service that knows of weaknesses does not answer.\n  {last}", file=sys.stderr)
        return UNCHECKED
    return told(packages)


def told(packages: list[dict[str, Any]]) -> int:
    """Prints what is known of them."""
    weak = [package for package in packages if package.get("vulns")]
    for package in weak:
        for one in package["vulns"]:
            mended = ", ".join(one["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {one['id']} (mended in {mended})")
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    checked = sum("vulns" in package for package in packages)
    if not checked:
        print("Nothing was checked: the service answers, but knows none of these packages.", file=sys.stderr)
        return UNCHECKED
    if unknown:
        print(f"Not checked: {', '.join(unknown)}")
    print(f"{checked} packages checked, {len(weak)} with known weaknesses.")
    return FOUND if weak else CLEAN


if __name__ == "__main__":
    sys.exit(main())
