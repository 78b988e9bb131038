"""Google's services that the stack asks of the project. Nothing works before they are on."""

import pulumi
import pulumi_gcp as gcp

from stack.naming import options, part_of

NAMES = (
    "artifactregistry",
    "billingbudgets",
    "cloudkms",
    "cloudresourcemanager",
    "compute",
    "container",
    "dataproc",
    "dns",
    "iam",
    "iamcredentials",
    "iap",
    "logging",
    "monitoring",
    "pubsub",
    "secretmanager",
    "servicenetworking",
    "serviceusage",
    "sqladmin",
    "storage",
)


class Services(pulumi.ComponentResource):
    """All of them, left on when the stack goes."""

    def __init__(self, project: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(part_of("Services"), "services", None, opts)
        self.on: list[pulumi.Resource] = [
            gcp.projects.Service(
                name, project=project, service=f"{name}.googleapis.com", disable_on_destroy=False, opts=options(self)
            )
            for name in NAMES
        ]
        self.register_outputs({})
