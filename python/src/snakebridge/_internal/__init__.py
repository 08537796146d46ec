"""What the worker is made of; no name in here is promised to anybody."""
