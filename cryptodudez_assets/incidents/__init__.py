"""When nobody knew an order book, and why, as a page: numbers, words, a picture. Where rows come from is said in `products/`."""
