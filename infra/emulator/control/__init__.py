"""What tests and tools use to ring, to look and to change settings, under /_emulator."""
