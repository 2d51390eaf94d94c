"""Whether two folders hold the same agents: by their files, the tools' modules and instructions included."""

import hashlib
from pathlib import Path

READ = frozenset({".yaml", ".py", ".md", ".txt"})
"""What agents are made of, by the names' endings."""


def fingerprint(folder: Path) -> str:
    """16 hexadecimal digits, which change with any of the agents' files. Raises `OSError`."""
    found = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in READ and path.is_file():
            content = path.read_bytes()
            found.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:16]
