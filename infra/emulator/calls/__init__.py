"""One call: its life from ringing to its end, its sidebands, and the script that is played on it."""
