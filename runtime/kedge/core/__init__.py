"""The rules of Kedge, pure: op graph, plan, state, scheduling, retries and the wire protocol.

All three engines (in process, local processes, pods) drive this one package: events go in, actions come
out. Nothing in here reads a clock, a random source, a file or a socket; time and names are arguments.
"""
