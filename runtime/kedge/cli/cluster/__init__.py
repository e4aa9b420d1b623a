"""Runs on a cluster, seen from the command line: through kubectl, as the person who calls it.

::

    where      which runs a command means: those here, or those of a cluster
    kubectl    the calls: the only module that talks to a cluster
    refusals   what kubectl says when it fails, as errors that say what to do
    opjobs     OpJobs: read, created, changed, watched
    standing   how a run stands, out of its status alone
    following  the same, live, to the run's end
    reaching   the store of a run, as its pods reach it
    podlogs    what steps write, while their pods live
"""
