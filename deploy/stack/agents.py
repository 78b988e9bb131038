"""Google's own identities in our project, by which its services act for us: they need roles like anybody else."""

import pulumi
import pulumi_gcp as gcp

from stack.naming import options, part_of


class Agents(pulumi.ComponentResource):
    """Each as a member of policies: `storage`, `pubsub`, `sql`, `secrets`."""

    def __init__(self, project: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(part_of("Agents"), "agents", None, opts)
        self._project = project
        storage = gcp.storage.get_project_service_account_output(
            project=project, opts=pulumi.InvokeOutputOptions(parent=self)
        )
        self.storage = storage.email_address.apply(lambda email: f"serviceAccount:{email}")
        self.pubsub = self._of("pubsub")
        self.sql = self._of("sqladmin")
        self.secrets = self._of("secretmanager")
        self.register_outputs({})

    def _of(self, service: str) -> pulumi.Output[str]:
        identity = gcp.projects.ServiceIdentity(
            f"{service}-agent", service=f"{service}.googleapis.com", project=self._project, opts=options(self)
        )
        return identity.member
