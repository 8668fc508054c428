"""The command `mixkd`, as a program and as a module that launchers can start."""
