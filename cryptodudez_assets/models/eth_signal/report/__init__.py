"""The report on one training of the Ethereum signal: what was found, in words, tables and plots. Computes nothing new."""
