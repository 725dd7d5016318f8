"""ClickHouse, embedded (chDB) or as a server, behind one interface. Each module holds the queries of a few tables."""
