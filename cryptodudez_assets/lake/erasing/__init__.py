"""Take an identity out of what the lake keeps: raw files, tables with all their versions, the quarantine. What is beside the lake
(exports, databases, logs) is in the room `erasing` of the project, and so is the order in which it is done."""
