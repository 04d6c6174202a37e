"""What happened in a campaign, appended and never changed. The ledger is the only shared state."""
