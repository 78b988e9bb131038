"""The coin that the study of trends holds every other price against."""

LEADER = "ETH"
