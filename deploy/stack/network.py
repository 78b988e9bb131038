"""The network: private, with one way out, and Google's APIs by addresses that a policy can name."""

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from stack.naming import options, part_of

NODES = "10.40.0.0/20"
PODS = "10.44.0.0/14"
SERVICES = "10.48.0.0/20"
CONTROL_PLANE = "172.16.0.0/28"
DATABASES = "10.60.0.0/20"
"""Reserved for what Google runs for us: Cloud SQL."""
GOOGLE_APIS = "199.36.153.8/30"
"""private.googleapis.com"""


@dataclass(frozen=True)
class Ranges:
    """Names of the secondary ranges of the subnet."""

    pods: str = "pods"
    services: str = "services"


class Network(pulumi.ComponentResource):
    """`network` and `subnet` for the cluster and Spark; `peered` once Cloud SQL can have an address in it."""

    def __init__(self, region: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(part_of("Network"), "network", None, opts)
        self.network = gcp.compute.Network("network", auto_create_subnetworks=False, opts=options(self))
        ranges = Ranges()
        self.subnet = gcp.compute.Subnetwork(
            "subnet",
            network=self.network.id,
            region=region,
            ip_cidr_range=NODES,
            private_ip_google_access=True,
            secondary_ip_ranges=[
                {"range_name": ranges.pods, "ip_cidr_range": PODS},
                {"range_name": ranges.services, "ip_cidr_range": SERVICES},
            ],
            log_config={"aggregation_interval": "INTERVAL_10_MIN", "flow_sampling": 0.1},
            opts=options(self),
        )
        self._way_out(region)
        self._google_apis()
        self.peered = self._databases()
        self.register_outputs({})

    def _way_out(self, region: str) -> None:
        """Nodes have no addresses of their own: venues see one of the network's."""
        router = gcp.compute.Router("router", network=self.network.id, region=region, opts=options(self))
        gcp.compute.RouterNat(
            "nat",
            router=router.name,
            region=region,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            log_config={"enable": True, "filter": "ERRORS_ONLY"},
            opts=options(self),
        )

    def _google_apis(self) -> None:
        """Names of Google's APIs lead to four addresses, so that pods need no others to reach them."""
        zone = gcp.dns.ManagedZone(
            "google-apis",
            dns_name="googleapis.com.",
            visibility="private",
            private_visibility_config={"networks": [{"network_url": self.network.id}]},
            opts=options(self),
        )
        addresses = [f"199.36.153.{last}" for last in range(8, 12)]
        gcp.dns.RecordSet(
            "google-apis-addresses",
            managed_zone=zone.name,
            name="private.googleapis.com.",
            type="A",
            ttl=300,
            rrdatas=addresses,
            opts=options(self),
        )
        gcp.dns.RecordSet(
            "google-apis-names",
            managed_zone=zone.name,
            name="*.googleapis.com.",
            type="CNAME",
            ttl=300,
            rrdatas=["private.googleapis.com."],
            opts=options(self),
        )

    def _databases(self) -> pulumi.Resource:
        first, _, length = DATABASES.partition("/")
        reserved = gcp.compute.GlobalAddress(
            "databases",
            network=self.network.id,
            purpose="VPC_PEERING",
            address_type="INTERNAL",
            address=first,
            prefix_length=int(length),
            opts=options(self),
        )
        return gcp.servicenetworking.Connection(
            "databases",
            network=self.network.id,
            service="servicenetworking.googleapis.com",
            reserved_peering_ranges=[reserved.name],
            deletion_policy="ABANDON",  # Google refuses to end it for days after the instance is gone
            opts=options(self),
        )
