"""The servers of the development stack, as child processes or containers, and the supervisor of its programs.

The one rule: nothing may outlive the process that started it, however that process ends.
"""
