"""Plan in, ledger out: the detached runner, its process pools and the call of a trainer."""
