"""The running engine, as the commands reach it: through its API, on this machine or on another one."""
