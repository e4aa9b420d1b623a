"""From user functions to definitions to an op graph: Dagster's ops, graphs and jobs, under the same names."""
