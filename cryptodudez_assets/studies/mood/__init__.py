"""The study of mood: how posts sound, against what prices do on the days before and after. Other studies are beside this folder."""
