"""ClickHouse: the embedded engine (chDB) and a server behind one interface. Queries live beside what they are for."""
