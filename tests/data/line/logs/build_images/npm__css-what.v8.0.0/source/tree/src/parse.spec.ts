// the tests themselves are cut away
