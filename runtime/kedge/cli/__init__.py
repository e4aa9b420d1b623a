"""The `kedge` command: run, plan, compile and look at jobs and runs."""
