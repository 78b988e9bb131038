"""The lake on Amazon, as components of Pulumi: buckets, the queue that they tell, and who may do what.

What runs the platform is not here: any machine that may take the role `platform` does. What is asked of the graph is in
`../../checks/amazon.py`.
"""
