"""Where images are kept, and who may take them. They are built and pushed by `../images/`."""

import pulumi
import pulumi_gcp as gcp

from stack.naming import PROJECT, options, part_of

KEPT_IMAGES = 10
KEPT_SECONDS = 30 * 24 * 3600


class Registry(pulumi.ComponentResource):
    """`address`: what names of images begin with."""

    def __init__(self, project: str, region: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(part_of("Registry"), "registry", None, opts)
        self.repository = gcp.artifactregistry.Repository(
            "images",
            repository_id=PROJECT,
            location=region,
            format="DOCKER",
            docker_config={"immutable_tags": True},
            cleanup_policies=[
                {"id": "newest", "action": "KEEP", "most_recent_versions": {"keep_count": KEPT_IMAGES}},
                {"id": "old", "action": "DELETE", "condition": {"older_than": f"{KEPT_SECONDS}s"}},
            ],
            opts=options(self),
        )
        self.address = f"{region}-docker.pkg.dev/{project}/{PROJECT}"
        self.register_outputs({"address": self.address})
