"""How much a call costs, beside what others would make of the same call: `make bench`, docs/performance.md."""
