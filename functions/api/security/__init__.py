"""Who is asking, what they may do, and how much they may send."""
