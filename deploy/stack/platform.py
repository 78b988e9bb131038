"""The stack, put together: which component needs which."""

import pulumi

from stack.agents import Agents
from stack.budget import Budget
from stack.cluster import Cluster
from stack.config import StackConfig, venue_hosts
from stack.dagster import Dagster
from stack.database import Database
from stack.deployments import settings_map
from stack.edges import NetworkPolicies
from stack.environment import HOME, plain, variable
from stack.events import Events
from stack.identities import WORKLOADS, Identities
from stack.keys import Keys
from stack.lake import Lake
from stack.network import Network
from stack.observability import Observability
from stack.operators_ui import OperatorsUi
from stack.pods import SETTINGS, Connection
from stack.priorities import Priorities
from stack.recorder import Recorder
from stack.registry import Registry
from stack.secrets import DATABASE, Secrets
from stack.services import Services
from stack.serving import Serving
from stack.spark import Spark


def build(project: str, region: str, config: StackConfig, told: pulumi.Config) -> None:
    """Declare all of it, and what people are shown at the end."""
    services = Services(project)
    later = pulumi.ResourceOptions(depends_on=services.on)
    agents = Agents(project, opts=later)
    keys = Keys(region, agents, opts=later) if config.own_keys else None
    network = Network(region, opts=later)
    registry = Registry(project, region, opts=later)
    lake = Lake(project, region, config, keys, opts=later)
    events = Events(project, lake, agents, keys, config.operators, opts=later)
    database = Database(project, region, config, network, keys, opts=later)
    cluster = Cluster(project, region, config, network, opts=later)
    identities = Identities(cluster, lake, events, database, opts=later)
    secrets = Secrets(region, config, told, keys, database, cluster, opts=later)
    spark = (
        Spark(project, region, config, network, lake, database, identities, keys, opts=later)
        if config.images.spark
        else None
    )

    pulumi.export("raw_zone", lake.raw_address)
    pulumi.export("lake", lake.lake_address)
    pulumi.export("images", registry.address)
    pulumi.export("database", database.instance.connection_name)
    pulumi.export("database_address", database.instance.private_ip_address)
    pulumi.export("cluster", cluster.cluster.name)
    if not config.workloads:
        return

    settings: dict[str, pulumi.Input[str]] = {
        "home": f"{HOME}/home",
        "lake": lake.lake_address,
        "raw": lake.raw_address,
        "run_logs": lake.logs_address,
        "events": events.queue,
        "feeds": ",".join(config.feeds),
        **({"api_url": f"https://{config.domain}"} if config.domain else {}),
        **{f"{name}_url": host for name, host in venue_hosts(region, config.feeds).items()},
        **(spark.settings if spark else {}),
    }
    settings_of_pods = settings_map(cluster, cluster, SETTINGS, plain(settings))
    connections = {name: _connection(name, database, identities, config) for name in WORKLOADS}
    priorities = Priorities(cluster, opts=later)
    needs: list[pulumi.Resource] = [*priorities.ready, settings_of_pods, *secrets.ready, *database.ready]
    Dagster(config, pulumi.Output.all(**settings), cluster, connections, needs, opts=later)
    serving = Serving(config, cluster, connections["serving"], needs, opts=later)
    if config.recorders:
        Recorder(config, cluster, connections["recorder"], needs, opts=later)
    ui = OperatorsUi(project, config.dagster_domain, config, cluster, opts=later) if config.dagster_domain else None
    NetworkPolicies(config, cluster, opts=later)
    Observability(config, events, opts=later)
    Budget(project, config, opts=later)

    pulumi.export("api_address", serving.address)
    pulumi.export("dagster_address", ui.address if ui else None)


def _connection(name: str, database: Database, identities: Identities, config: StackConfig) -> Connection:
    if database.password is not None:
        return Connection(DATABASE)
    addresses = database.addresses(identities.accounts[name])
    by_variable = {variable(setting): address for setting, address in addresses.items()}
    return Connection(by_variable, database.instance.connection_name, config.images.proxy)
