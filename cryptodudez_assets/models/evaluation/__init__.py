"""How any trading model is judged: splits, scores, returns after costs, and how much of it is luck."""
