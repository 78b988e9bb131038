"""Names that several components share."""

import pulumi

PROJECT = "cryptodudez"
NAMESPACE = "cryptodudez"
APP = "app.kubernetes.io/name"
"""The label by which pods are selected."""


def options(parent: pulumi.Resource, **more: object) -> pulumi.ResourceOptions:
    """Of a resource that is part of a component."""
    return pulumi.ResourceOptions(parent=parent, **more)  # ty: ignore[invalid-argument-type]


def part_of(component: str) -> str:
    """The type of a component, as Pulumi shows it."""
    return f"{PROJECT}:stack:{component}"


def labels(app: str) -> dict[str, str]:
    """Of an app's resources in Kubernetes."""
    return {APP: app, "app.kubernetes.io/part-of": PROJECT}
