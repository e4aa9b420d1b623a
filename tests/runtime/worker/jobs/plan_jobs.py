"""Jobs as plan pods find them in an image: good ones, and ones with many faults."""

import kedge as dg


class Doubling(dg.Config):
    factor: int
    offset: int = 0


@dg.op(tags={"kedge/pod": {"resources": {"limits": {"memory": "1Gi"}}}})
def number(config: Doubling):
    return config.factor


@dg.op(required_resource_keys={"db"})
def stored(context, x):
    return x


@dg.resource(config_schema={"url": str})
def db(context):
    return context.resource_config["url"]


@dg.job(resource_defs={"db": db}, tags={"team": "data"})
def needs_config():
    stored(number())


@dg.op
def one():
    return 1


@dg.op
def plus(x):
    return x + 1


@dg.job(executor_def=dg.multiprocess_executor.configured({"max_concurrent": 2, "retries": {"disabled": {}}}))
def limited():
    plus(one())


@dg.job(
    executor_def=dg.k8s_job_executor.configured(
        {"job_image": "from-code:1", "step_k8s_config": {"pod_spec_config": {"node_selector": {"disk": "ssd"}}}}
    )
)
def in_pods():
    plus(one())


@dg.static_partitioned_config(["a", "bb"])
def by_key(key):
    return {"ops": {"number": {"config": {"factor": len(key)}}}}


@dg.job(config=by_key)
def partitioned():
    number()


def made():
    raise LookupError("no job today")


def leaves():
    raise SystemExit(3)


@dg.op(config_schema=[int])
def takes(context):
    return len(context.op_config)


@dg.static_partitioned_config(["all"])
def lots(key):
    return {"ops": {"takes": {"config": [0] * 600_000}}}


@dg.job(config=lots)
def large():
    takes()


not_a_job = 5
