"""What operators start from: the files of deploy/."""
