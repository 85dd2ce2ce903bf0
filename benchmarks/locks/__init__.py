"""How fast and how fair are our locks, beside those of other Python libraries in the same run?"""
