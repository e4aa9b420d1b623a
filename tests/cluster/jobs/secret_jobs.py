"""A job that has secrets: one in its environment, one in the config of a resource. It tells nobody."""

import os

import kedge as dg


class Api(dg.ConfigurableResource):
    key: str

    def length(self) -> int:
        return len(self.key)


@dg.op
def uses_both(context, api: Api) -> int:
    context.log.info("using the key")
    return api.length() + len(os.environ["PLANTED_ENVIRONMENT"])


@dg.op
def fails_with_it(context, api: Api, x: int) -> int:
    key = api.key
    context.log.warning(f"a key of {len(key)} characters")
    raise ValueError("the service refused")


@dg.job(resource_defs={"api": Api(key=dg.EnvVar("PLANTED_RESOURCE"))})
def keeps_quiet():
    fails_with_it(uses_both())
