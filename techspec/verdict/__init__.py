"""Plan and ledger in, one verdict a hypothesis out. Nobody can set one."""
