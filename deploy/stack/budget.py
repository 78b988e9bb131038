"""What a month may cost before people are told. Google goes on: a budget is a word, not a limit."""

import pulumi
import pulumi_gcp as gcp

from stack.config import StackConfig
from stack.naming import options, part_of

TOLD_AT = (0.5, 0.9, 1.0)


class Budget(pulumi.ComponentResource):
    """Of the project; told to whoever administers the billing account."""

    def __init__(self, project: str, config: StackConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(part_of("Budget"), "budget", None, opts)
        number = gcp.organizations.get_project_output(
            project_id=project, opts=pulumi.InvokeOutputOptions(parent=self)
        ).number
        gcp.billing.Budget(
            "month",
            billing_account=config.billing_account,
            display_name=f"cryptodudez in {project}",
            amount={"specified_amount": {"units": str(config.budget)}},
            budget_filter={"projects": [pulumi.Output.concat("projects/", number)]},
            threshold_rules=[
                *(gcp.billing.BudgetThresholdRuleArgs(threshold_percent=share) for share in TOLD_AT),
                gcp.billing.BudgetThresholdRuleArgs(threshold_percent=1.0, spend_basis="FORECASTED_SPEND"),
            ],
            opts=options(self),
        )
        self.register_outputs({})
