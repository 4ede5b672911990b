"""Bugs that an engine like this has had, or could have, planted one at a time to see that the suite catches each."""
