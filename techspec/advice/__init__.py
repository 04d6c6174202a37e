"""A goal and a spec in, what the team already knows out, with its sources."""
