"""What is asked of the graph that the stack's program makes, before it meets a cloud: `../../docs/testing.md` says how far that goes.

Nothing here is needed to deploy.
"""
