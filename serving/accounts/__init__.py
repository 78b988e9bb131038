"""`/accounts`: what the metrics of the exchange's accounts say, each as a chart, a table and a CSV file.

`data` asks the metrics, `page` says and draws what they told, `routes` serves it. What a metric is, is declared in `metrics/`.
"""
