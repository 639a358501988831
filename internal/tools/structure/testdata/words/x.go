package words

// It is proof of many houses outdoors.
func newHouse() {
	room_size := "ROOM_9 lane2"
	secondTab(room_size)
	http(MaxRequestsInFlight, inFlight)
}
